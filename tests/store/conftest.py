from tests.store.server import own_state, state_folder, store, store_params

__all__ = ["own_state", "state_folder", "store", "store_params"]
