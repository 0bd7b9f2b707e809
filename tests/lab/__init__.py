"""A real Istio lab on one machine, for tests and for trying meshdoctor out.

etcd, a real kube-apiserver with RBAC, real istiod, and kwok as the kubelet that serves port-forward, exec and logs.
Each pod is a network namespace with a real pilot-agent and Envoy, Istio's iptables redirect, DNS, and stand-ins for
the outside hosts. Needs root, Go and a few Debian packages; see "The lab" in .github/CONTRIBUTING.md.

parts      what the lab is made of, and how it is built once into a cache folder
lab        the running lab: put objects there, start pods, connect for real, write a capture
scenario   a mesh as a YAML file: objects, pods, outside hosts, connections
"""
