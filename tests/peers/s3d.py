#!/usr/bin/python3
"""A real S3 endpoint for tests on 127.0.0.1: OpenStack Swift in one process.

Swift's proxy, account, container and object servers with the s3api middleware, which verifies
SigV4 for real. Needs Debian's python3-swift (tried with 2.30.1) and nothing else.

usage: s3d.py DATADIR ACCESS_KEY SECRET_KEY REGION   (ACCESS_KEY looks like "account:user")

Prints "s3d ready PORT MODE": the port is a free one, the mode is "disk", or "mem" where the file
system of DATADIR takes no user xattrs. Ends when stdin ends, so it never outlives its starter.
"""
import eventlet

eventlet.monkey_patch()  # has to come before every other import

import os
import sys
import types

from eventlet import wsgi

ERROR_411 = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>MissingContentLength</Code>"
    b"<Message>You must provide the Content-Length HTTP header.</Message></Error>"
)

PROXY_CONF = """
[DEFAULT]
swift_dir = {swift_dir}
bind_port = {port}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors no_chunks cache listing_formats bulk s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
node_timeout = 30
conn_timeout = 5
recheck_account_existence = 0
recheck_container_existence = 0
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:no_chunks]
paste.filter_factory = s3d_filters:no_chunks
[filter:cache]
paste.filter_factory = s3d_filters:cache
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = {region}
auth_pipeline_check = false
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


class Cache(dict):
    """Stands in for memcached, which tempauth insists on."""

    def __bool__(self):  # an empty cache is still a cache
        return True

    def get(self, key, raise_on_error=False):
        return dict.get(self, key)

    def set(self, key, value, serialize=True, time=0, **_):
        self[key] = value

    def incr(self, key, delta=1, time=0):
        self[key] = int(dict.get(self, key) or 0) + delta
        return self[key]

    def delete(self, key, server_key=None):
        self.pop(key, None)

    def set_multi(self, mapping, *_, **__):
        self.update(mapping)

    def get_multi(self, keys, *_, **__):
        return [dict.get(self, key) for key in keys]


def cache_filter(global_conf, **_):
    """Puts one cache for the whole process into each request."""
    cache = Cache()

    def wrap(app):
        def call(env, start_response):
            env["swift.cache"] = cache
            return app(env, start_response)

        return call

    return wrap


def no_chunks_filter(global_conf, **_):
    """Refuses a PUT without Content-Length as R2 does; Swift would take it."""

    def wrap(app):
        def call(env, start_response):
            encoding = env.get("HTTP_TRANSFER_ENCODING", "").lower()
            if env["REQUEST_METHOD"] != "PUT" or "chunked" not in encoding:
                return app(env, start_response)
            # The client reads no answer before its body is read.
            while env["wsgi.input"].read(65536):
                pass
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(ERROR_411)))]
            start_response("411 Length Required", headers)
            return [ERROR_411]

        return call

    return wrap


def listen():
    return eventlet.listen(("127.0.0.1", 0), backlog=512)


def takes_xattrs(directory):
    probe = os.path.join(directory, "xattr_probe")
    with open(probe, "w"):
        pass
    try:
        os.setxattr(probe, "user.probe", b"1")
        return True
    except OSError:
        return False
    finally:
        os.unlink(probe)


def configure_swift(swift_dir):
    """Swift reads the salt of its hashes when it is imported, from a path that can be set once."""
    from swift.common import utils

    with open(os.path.join(swift_dir, "swift.conf"), "w") as conf:
        conf.write("[swift-hash]\nswift_hash_path_prefix = t\nswift_hash_path_suffix = t\n")
        conf.write("[storage-policy:0]\nname = gold\ndefault = yes\n")
    utils.SWIFT_CONF_FILE = conf.name
    utils.validate_hash_conf()


def save_ring(swift_dir, kind, port):
    """A ring of one device: every object has one copy, and it is here."""
    from swift.common.ring import RingBuilder

    builder = RingBuilder(1, 1, 0)
    place = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "device": "sda1", "meta": "", **place})
    builder.rebalance()
    builder.get_ring().save(os.path.join(swift_dir, kind + ".ring.gz"))


def serve(sock, app):
    from swift.common.wsgi import SwiftHttpProtocol

    wsgi.server(sock, app, open(os.devnull, "w"), protocol=SwiftHttpProtocol, log_output=False)


def start_storage(swift_dir, devices, mode):
    from swift.account.server import AccountController
    from swift.container.server import ContainerController

    if mode == "disk":
        from swift.obj.server import ObjectController
    else:
        from swift.obj.mem_server import ObjectController
    conf = {
        "swift_dir": swift_dir,
        "devices": devices,
        "mount_check": "false",
        "disable_fallocate": "true",
        "user": "",
        "log_level": "ERROR",
        "node_timeout": "30",
        "container_update_timeout": "10",
    }
    controllers = {"account": AccountController, "container": ContainerController, "object": ObjectController}
    # All rings come first: a new controller reads the rings of the others.
    sockets = {kind: listen() for kind in controllers}
    for kind, sock in sockets.items():
        save_ring(swift_dir, kind, sock.getsockname()[1])
    for kind, controller in controllers.items():
        eventlet.spawn(serve, sockets[kind], controller(dict(conf)))


def load_proxy(swift_dir, port, access_key, secret, region):
    from swift.common.wsgi import loadapp

    filters = types.ModuleType("s3d_filters")
    filters.cache, filters.no_chunks = cache_filter, no_chunks_filter
    sys.modules["s3d_filters"] = filters
    account, user = access_key.split(":", 1)
    path = os.path.join(swift_dir, "proxy-server.conf")
    with open(path, "w") as conf:
        names = {"swift_dir": swift_dir, "port": port, "region": region}
        conf.write(PROXY_CONF.format(account=account, user=user, secret=secret, **names))
    return loadapp(path, allow_modify_pipeline=False)


def end_with_stdin():
    os.set_blocking(0, False)  # a blocking read would hold up all other green threads
    while os.read(0, 4096):
        pass
    os._exit(0)


def main(root, access_key, secret, region):
    swift_dir, devices = os.path.join(root, "etc"), os.path.join(root, "srv")
    os.makedirs(swift_dir)
    os.makedirs(os.path.join(devices, "sda1"))
    mode = "disk" if takes_xattrs(devices) else "mem"
    configure_swift(swift_dir)
    start_storage(swift_dir, devices, mode)
    sock = listen()
    port = sock.getsockname()[1]
    app = load_proxy(swift_dir, port, access_key, secret, region)
    eventlet.spawn(end_with_stdin)
    print("s3d ready %d %s" % (port, mode), flush=True)
    serve(sock, app)


main(*sys.argv[1:])
