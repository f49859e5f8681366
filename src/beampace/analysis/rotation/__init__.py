"""A rotation scan from spots to scaled intensities: index, refine, predict, integrate, scale.

No file is read here and no program is started; frames come one by one from whoever decodes them.
"""
