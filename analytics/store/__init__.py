"""Where hits and events lie for good. `get_store()` is the only way in; which engine answers follows from WAREHOUSE_URL."""
