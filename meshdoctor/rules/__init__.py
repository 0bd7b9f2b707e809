"""Stage 3: rules and the sheet of facts in, findings out.

`loader` reads rule files and reports all mistakes in them at once, with file and line. `evaluate` is the loop: for
every rule it selects facts (`selectors`), evaluates `when` (`conditions`) and assigns the severity. `causes` finds
hits that explain others, `tally` groups hits with one root cause into one finding (`finding_builder`), whose texts
come from `templates` and `fix_manifests`. `catalogue` writes rules/README.md and rules/schema.json. Rules read facts
only; this package does not access proxies or files of the evidence.
"""
