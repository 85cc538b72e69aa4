// Nothing to call: the library is preloaded, and counts.
