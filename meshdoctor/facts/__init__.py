"""Stage 2: a Capture becomes a Mesh, and the Mesh becomes the facts that rules select.

Envoy's v2 and v3 spellings, Istio's old quirks and the layouts of documents end here; nothing downstream reads
raw JSON or YAML.
"""
