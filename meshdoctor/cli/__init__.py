"""The command line: a front end over `doctor`. stdout carries the result only, stderr everything else.

Command modules import only what declares their options; `doctor` and the reports load when a command runs, so that
`--version`, `--help` and completion stay quick.
"""
