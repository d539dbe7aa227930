"""A file system with odd rules, for the tests: odd_fs.py DIRECTORY MOUNTPOINT.

It shows the files of DIRECTORY. Files have mode 0640 and no other, as on /etc/pve of Proxmox VE: chmod to
another mode and chown are refused. A file beside which a file of the same name with the ending ".broken"
exists cannot be read beyond its first megabyte, as on a disk with a bad sector.
"""
import errno
import os
import stat
import sys

import fusepy

READABLE = 1_000_000


class OddFiles(fusepy.Operations):
    def __init__(self, root):
        self.root = root

    def __call__(self, op, path, *args):
        return super().__call__(op, self.root + path, *args)

    def getattr(self, path, fh=None):
        found = os.lstat(path)
        fields = ("st_atime", "st_mtime", "st_ctime", "st_gid", "st_uid", "st_nlink", "st_size", "st_mode")
        facts = {name: getattr(found, name) for name in fields}
        if stat.S_ISREG(found.st_mode):
            facts["st_mode"] = stat.S_IFREG | 0o640
        return facts

    def readdir(self, path, fh):
        return [".", ".."] + [name for name in os.listdir(path) if not name.endswith(".broken")]

    def mkdir(self, path, mode):
        os.mkdir(path)

    def chmod(self, path, mode):
        if mode & 0o7777 != 0o640:
            raise fusepy.FuseOSError(errno.EPERM)

    def chown(self, path, uid, gid):
        raise fusepy.FuseOSError(errno.EPERM)

    def create(self, path, mode, fi=None):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)

    def open(self, path, flags):
        return os.open(path, flags)

    def read(self, path, size, offset, fh):
        if offset + size > READABLE and os.path.exists(path + ".broken"):
            raise fusepy.FuseOSError(errno.EIO)
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(path, length)

    def flush(self, path, fh):
        pass

    def release(self, path, fh):
        os.close(fh)

    def unlink(self, path):
        os.unlink(path)

    def rename(self, old, new):
        os.rename(old, self.root + new)

    def utimens(self, path, times=None):
        os.utime(path, times)


# The kernel must not answer from its caches.
options = {"allow_other": True, "direct_io": True, "attr_timeout": 0, "entry_timeout": 0}
fusepy.FUSE(OddFiles(sys.argv[1]), sys.argv[2], foreground=True, **options)
