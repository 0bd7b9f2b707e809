"""Stage 2: a Capture becomes a Mesh, and the Mesh becomes the facts that rules select.

    envoy/     a proxy's dump       -> model.proxy      v2 and v3 spellings end here
    objects/   resources, manifests -> model.mesh       kind by kind, on demand
    dependencies/    pods                 -> hosts they want
    dumps.py   proxies, read when they are asked for
    mesh.py    all of these together
    joined/    Mesh                 -> the sheet's lists

Envoy's spellings, Istio's old quirks and the layouts of documents end here; nothing downstream reads raw JSON or YAML.
"""
