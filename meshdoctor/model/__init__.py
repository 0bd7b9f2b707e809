"""The vocabulary every stage shares: evidence, proxies, mesh resources, facts, findings, traces.

Types are frozen `msgspec.Struct`s, not dataclasses: a mesh of 1,500 Services makes some 20,000 of them
from one dump, and a frozen Struct is made about ten times as fast and takes half the memory.
"""
