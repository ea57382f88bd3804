"""The torture of the execution: real code, a real database, a hostile venue, one seeded virtual time."""
