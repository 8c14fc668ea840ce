"""What keeps a server safe: which paths, hosts, clients and requests it admits."""
