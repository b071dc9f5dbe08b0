"""Bodies that hold files: multipart forms, or a file's bytes alone. Nothing of it touches a disk."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from spadework.studio.refusal import Refusal

FIELDS = 16


class _InMemory(MultiPartParser):
    """Keeps files in memory: the request was small enough to lie there already."""

    spool_max_size = 2**62


@dataclass(frozen=True)
class Form:
    """A multipart form."""

    files: dict[str, bytes]
    fields: dict[str, str]


async def read_file(request: Request, *names: str) -> bytes:
    """The bytes of one file: the form's file of one of these names, or the whole body; raises Refusal."""
    if not _is_form(request):
        content = await request.body()
        if not content:
            raise Refusal(422, "empty", "the request has no body", f"send a file as multipart field {names[0]!r}")
        return content
    form = await read_form(request)
    for name in names:
        if name in form.files:
            return form.files[name]
    raise Refusal(422, "no_file", f"the form has no file {names[0]!r}", f"send the file as field {names[0]!r}")


async def read_form(request: Request) -> Form:
    """All files and fields of a multipart form; raises Refusal for one that is broken."""
    form = Form({}, {})
    try:
        parsed = await _InMemory(
            request.headers, request.stream(), max_files=FIELDS, max_fields=FIELDS, max_part_size=2**31
        ).parse()
        for name, value in parsed.multi_items():
            if name in form.files or name in form.fields:
                raise Refusal(422, "wrong_form", f"the form has {name[:100]!r} twice")
            if isinstance(value, UploadFile):
                form.files[name] = await value.read()
            else:
                form.fields[name] = value
        await parsed.close()
    except (MultiPartException, ValueError, KeyError, LookupError, UnicodeError) as error:
        raise Refusal(422, "wrong_form", f"the multipart form is broken ({error})", "is it whole?") from None
    return form


def is_json(request: Request) -> bool:
    """Whether the body says that it is JSON, or nothing about itself."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    return kind == "application/json"


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")
