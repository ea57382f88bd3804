"""The torture of the execution: real code, a real database and a hostile venue in one seeded, virtual time."""
