# SPDX-License-Identifier: BSD-2-Clause
"""A client that others wrote logs in, and has a value stored.  Arguments: the port,
which client, user and password."""

import sys

port, which, user, password = int(sys.argv[1]), *sys.argv[2:5]

if which == "pylibmc":
    import pylibmc
    c = pylibmc.Client(["127.0.0.1:%d" % port], binary=True, username=user,
                       password=password,
                       # passwords are tried when nobody else needs the processor
                       behaviors={"_poll_timeout": 60000})
    assert c.set("by-pylibmc", "v") and c.get("by-pylibmc") == "v"
else:
    from pymemcache.client.base import Client
    c = Client(("127.0.0.1", port), timeout=60)
    # as with memcached: the first set is the login
    assert c.set("login", "%s %s" % (user, password), noreply=False)
    assert c.set("by-pymemcache", "v", noreply=False)
    assert c.get("by-pymemcache") == b"v"
