"""The interactive session. Workers post messages, only handlers change widgets; `state` does not import Textual."""
