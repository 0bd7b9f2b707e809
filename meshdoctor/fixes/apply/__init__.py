"""A fix applied: object by object, journaled first, waited for until the sidecars have accepted it."""
