"""Recognition of files that are not images, from their first bytes."""

from __future__ import annotations

HEAD = 512  # number of bytes examined
HTML = (b"<!doctype html", b"<html")
MARKS = b"\xef\xbb\xbf \t\r\n"  # a byte order mark and white space, which may stand before text
IMAGES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
OTHERS = {
    b"version https://git-lfs": "it is a Git LFS pointer; `git lfs pull` fetches the image",
    b"<svg": "it is an SVG drawing, which has no pixels; export it as PNG",
    b"%PDF": "it is a PDF document",
    b"%!PS": "it is a PostScript program, which is not run; export it as PNG",
    b"\xc5\xd0\xd3\xc6": "it is a PostScript program, which is not run; export it as PNG",
    b"8BPS": "it is a Photoshop document; export it as PNG",
    b"PK\x03\x04": "it is a ZIP archive",
    b"\x1f\x8b": "it is compressed by gzip",
    b"\0\x05\x16\x07": "it is a macOS resource file, not the image itself",
}
HEIC = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")  # brands: ISO/IEC 23008-12, Annex B


def is_html(head: bytes) -> bool:
    """Return whether a file with this beginning is a web page, which a server sent in its place.

    >>> is_html(b"  <!DOCTYPE html>"), is_html(b"PNG")
    (True, False)
    """
    return head.lstrip(MARKS).lower().startswith(HTML)


def described(head: bytes) -> str:
    """Describe a file that Pillow does not take for an image, from its first bytes.

    >>> described(b"<html>404</html>")
    'it is an HTML page'
    >>> described(bytes.fromhex("89504e470d0a1a0a"))
    'it begins as a PNG but is damaged'
    >>> described(b"label,name")
    'it is text'
    """
    text = head.lstrip(MARKS)
    if is_html(head):
        return "it is an HTML page"
    if head[4:8] == b"ftyp" and head[8:12] in HEIC:
        return "it is a HEIC photograph, which Pillow does not read; convert it to JPEG"
    if text.startswith(b"<?xml") and b"<svg" in text:
        return OTHERS[b"<svg"]
    begun = {begin: f"it begins as a {name} but is damaged" for begin, name in IMAGES.items()}
    known = next((what for begin, what in (OTHERS | begun).items() if text.startswith(begin)), "")
    return known or _nameless(head)


def _nameless(head: bytes) -> str:
    if not any(head):
        return "it begins with zeros only"
    return "it is text" if _is_text(head) else "it is not an image of a supported format"


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore")  # the last character may be cut
    return len(text.encode()) >= len(head) - 3 and all(letter.isprintable() or letter in "\t\r\n" for letter in text)
