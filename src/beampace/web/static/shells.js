// Statistics per shell as the pages plot them: which, with which unit and range, and where a shell stands.
const percent = (value) => (value === null ? null : 100 * value);

export const SHELL_PLOTS = [
  { id: "plot-cc", label: "CC1/2", unit: "", colour: "a", range: [0, 1], value: (shell) => shell.cc_half },
  { id: "plot-isigma", label: "I/\u03c3(I)", unit: "", colour: "b", range: [0, null], value: (shell) => shell.mean_i_over_sigma },
  { id: "plot-rmeas", label: "Rmeas", unit: "%", colour: "c", range: [0, null], value: (shell) => percent(shell.r_meas) },
  { id: "plot-complete", label: "completeness", unit: "%", colour: "d", range: [0, 100], value: (shell) => percent(shell.completeness) },
];

// The middle of a shell on the scale of 1/d^2, in angstrom.
export const middle = (shell) => Math.sqrt(2 / (shell.d_max ** -2 + shell.d_min ** -2));

export const shellAxis = (spacings) => ({ label: "resolution", unit: "\u00c5", values: spacings, scale: "resolution" });
