"""judges: programs of other people that say whether the stand-in is like Azure."""
