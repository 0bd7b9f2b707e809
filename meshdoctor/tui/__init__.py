"""The interactive session. Workers post messages, handlers alone change widgets; `board` knows nothing of Textual."""
