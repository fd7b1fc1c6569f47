"""The decoder in a process of its own: what it says, what it cannot do, and what becomes of it."""
