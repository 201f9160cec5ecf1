"""Prints what GMime reads in messages: a line of JSON for each file that standard
input names. See corpora.py. GMime is called by its C functions."""

import ctypes
import hashlib
import json
import re
import sys

LIB = ctypes.CDLL("libgmime-3.0.so.0")
TYPES = ctypes.CDLL("libgobject-2.0.so.0")
ENDS = re.compile(rb"\r*\n|\r")


def call(name, *args, result=ctypes.c_void_p):
    function = getattr(TYPES if name.startswith("g_type") else LIB, name)
    function.restype = result
    return function(*[ctypes.c_void_p(a) if isinstance(a, int) else a for a in args])


def string(name, *args):
    return (call(name, *args, result=ctypes.c_char_p) or b"").decode("utf-8", "replace")


def kind(thing):
    return string("g_type_name_from_instance", thing)


def tidy(value):
    return " ".join(value.split())


def addresses(found):
    all = []
    for i in range(call("internet_address_list_length", found, result=ctypes.c_int) if found else 0):
        one = call("internet_address_list_get_address", found, ctypes.c_int(i))
        name = tidy(string("internet_address_get_name", one))
        if kind(one) == "InternetAddressGroup":
            all += [[name, ":"], *addresses(call("internet_address_group_get_members", one))]
        else:
            all.append([name, string("internet_address_mailbox_get_addr", one)])
    return all


def decoded(part):
    wrapper, memory = call("g_mime_part_get_content", part), call("g_mime_stream_mem_new")
    if not wrapper:
        return b""
    call("g_mime_data_wrapper_write_to_stream", wrapper, memory)

    class Array(ctypes.Structure):
        _fields_ = [("data", ctypes.c_void_p), ("len", ctypes.c_uint)]

    array = ctypes.cast(call("g_mime_stream_mem_get_byte_array", memory), ctypes.POINTER(Array)).contents
    return ctypes.string_at(array.data, array.len) if array.data else b""


def content(part):
    if not kind(part).endswith("Part"):
        return None  # a message, whose parts follow
    media = call("g_mime_object_get_content_type", part)
    media = "%s/%s" % (string("g_mime_content_type_get_media_type", media), string("g_mime_content_type_get_media_subtype", media))
    if kind(part) in ("GMimeMessagePart", "GMimeMultipart"):
        return None
    name = string("g_mime_part_get_filename", part)
    if kind(part) == "GMimeTextPart":
        return ["text", name, re.sub(r"\r*\n|\r", "\n", string("g_mime_text_part_get_text", part)), ""]
    payload = decoded(part)
    return [media.lower(), name, hashlib.sha256(payload).hexdigest(), hashlib.sha256(ENDS.sub(b"\n", payload)).hexdigest()]


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    stream = call("g_mime_stream_mem_new_with_buffer", data, ctypes.c_size_t(len(data)))
    message = call("g_mime_parser_construct_message", call("g_mime_parser_new_with_stream", stream), None)
    if not message:
        return {"error": "no message"}
    parts, walk = [], call("g_mime_part_iter_new", message)
    while call("g_mime_part_iter_is_valid", walk, result=ctypes.c_int):
        parts.append(content(call("g_mime_part_iter_get_current", walk)))
        call("g_mime_part_iter_next", walk, result=ctypes.c_int)
    return {"subject": tidy(string("g_mime_message_get_subject", message)),
            "from": addresses(call("g_mime_message_get_from", message)), "to": addresses(call("g_mime_message_get_to", message)),
            "date": tidy(string("g_mime_object_get_header", message, b"Date")), "parts": [p for p in parts if p]}


call("g_mime_init")
for path in sys.stdin.read().splitlines():
    print(json.dumps(read(path)), flush=True)
