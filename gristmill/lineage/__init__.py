"""Lineage: which data came from which code, parameters and inputs. The only package that knows DVC and git."""
