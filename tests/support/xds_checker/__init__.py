"""A checker in place of the XDS programs: it reads what XDS would read and refuses what XDS would refuse."""
