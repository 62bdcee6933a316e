"""The factory's access to the flash: writes, reads and deletes files before the board is sold."""

import os
import struct

WRITE, READ, REMOVE, LIST = 1, 2, 3, 4


def make_folders(path):
    """Create the folders above a path."""
    at = 1
    while True:
        at = path.find("/", at)
        if at < 0:
            return
        try:
            os.mkdir(path[:at])
        except OSError as error:
            if error.errno != 17:  # EEXIST
                raise
        at += 1


def remove(path):
    """Delete a file or a folder with all in it; a path that is not there is fine."""
    try:
        folder = os.stat(path)[0] & 0x4000
    except OSError as error:
        if error.errno != 2:  # ENOENT
            raise
        return
    if folder:
        for entry in os.listdir(path):
            remove(path + "/" + entry)
        if path != "/":
            os.rmdir(path)
    else:
        os.remove(path)


def walk(folder):
    """Every file below a folder."""
    for entry in os.ilistdir(folder):
        path = (folder if folder != "/" else "") + "/" + entry[0]
        if entry[1] & 0x4000:
            yield from walk(path)
        else:
            yield path


def answer(stream, status, body):
    stream.write(struct.pack("<iI", status, len(body)))
    stream.write(body)


def handle(stream, op, path, body):
    """Do one request and answer it."""
    try:
        if op == WRITE:
            make_folders(path)
            with open(path, "wb") as f:
                f.write(body)
            answer(stream, 0, b"")
        elif op == READ:
            with open(path, "rb") as f:
                answer(stream, 0, f.read())
        elif op == REMOVE:
            remove(path)
            answer(stream, 0, b"")
        else:
            answer(stream, 0, "\n".join(walk(path)).encode())
    except OSError as error:
        answer(stream, error.errno or 5, b"")


def run(fd):
    """Serve requests `{op, path length, body length}` + path + body until the end of the stream."""
    stream = open(fd, "r+b")
    while True:
        head = stream.read(8)
        if len(head) < 8:
            return
        op, path_length, body_length = struct.unpack("<HHI", head)
        path = stream.read(path_length).decode()
        handle(stream, op, path, stream.read(body_length) if body_length else b"")
