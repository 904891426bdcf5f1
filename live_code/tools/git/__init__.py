"""Git, in one place: addresses, access to remotes, the store's repositories, and work trees cut from them."""
