"""Stage 3: rules and the sheet of facts in, findings out.

`loader` reads rule files and refuses what is wrong in them, all at once, with file and line. `evaluate` is the loop:
for every rule it selects facts (`selectors`), asks `when` (`conditions`) and grades. `causes` lets one hit explain
another, `tally` folds what is one root cause into one finding (`finding_builder`), whose words come from
`templates` and `fix_manifests`. `catalogue` writes rules/README.md and rules/schema.json. A rule sees facts only;
nothing here knows a proxy or a file of the evidence.
"""
