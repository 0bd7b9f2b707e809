"""Stage 2: a Capture becomes a Mesh, and the Mesh becomes the facts that rules select.

    envoy/           config dumps         -> model.proxy   v2 and v3
    resources/       resources, manifests -> model.mesh    per kind, on demand
    dependencies/    pods, access logs    -> the external hosts pods use
    proxy_files.py   proxies, read on demand
    mesh_reader.py   all of these together
    derived/         Mesh                 -> the sheet's lists

Differences between Envoy and Istio versions and document layouts are handled here; nothing downstream reads raw JSON or
YAML.
"""
