"""Statistics: intervals, tests and monotone fits.

quantiles    of the normal distribution and of Student's t
bootstrap    what chance does to any figure of some samples
paired       how much worse a changed model is than the dense one, on the same samples
intervals    confidence intervals of a figure
noninferior  whether a model loses less than a limit, by paired tests
isotonic     monotone fits of noisy curves

A figure is an `Aggregate` of per-sample statistics: its kind decides which statistics apply.
"""
