"""What stands on a PDF page apart from its content: form fields, typed-on text, comments."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pypdfium2
import pypdfium2.raw as pdfium

_MAX_PER_PAGE = 2_000
_FIELDS = frozenset(
    {
        pdfium.FPDF_FORMFIELD_TEXTFIELD,
        pdfium.FPDF_FORMFIELD_COMBOBOX,
        pdfium.FPDF_FORMFIELD_LISTBOX,
        pdfium.FPDF_FORMFIELD_CHECKBOX,
        pdfium.FPDF_FORMFIELD_RADIOBUTTON,
    }
)
_COMMENTS = frozenset(
    {
        pdfium.FPDF_ANNOT_TEXT,
        pdfium.FPDF_ANNOT_HIGHLIGHT,
        pdfium.FPDF_ANNOT_UNDERLINE,
        pdfium.FPDF_ANNOT_SQUIGGLY,
        pdfium.FPDF_ANNOT_STRIKEOUT,
        pdfium.FPDF_ANNOT_CARET,
        pdfium.FPDF_ANNOT_INK,
        pdfium.FPDF_ANNOT_LINE,
        pdfium.FPDF_ANNOT_SQUARE,
        pdfium.FPDF_ANNOT_CIRCLE,
    }
)


def annotation_texts(page: pypdfium2.PdfPage) -> list[str]:
    """The fields of a page as `name: value`, the text typed onto it and the comments, each once.

    The values are the fields' own: how they are drawn may be missing or older. Fields are read where the
    document's forms were initialised.
    """
    found: dict[str, None] = {}
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MAX_PER_PAGE)):
        with _annotation(page, index) as annotation:
            text = _text(page, annotation) if annotation else ""
            if text:
                found[text] = None
    return list(found)


def _text(page: pypdfium2.PdfPage, annotation: pdfium.FPDF_ANNOTATION) -> str:
    if pdfium.FPDFAnnot_GetFlags(annotation) & pdfium.FPDF_ANNOT_FLAG_HIDDEN:
        return ""
    kind = pdfium.FPDFAnnot_GetSubtype(annotation)
    if kind == pdfium.FPDF_ANNOT_WIDGET and page.formenv is not None:
        return _field(page.formenv, annotation)
    if kind == pdfium.FPDF_ANNOT_FREETEXT or kind in _COMMENTS:
        said = _string(lambda *to: pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", *to))
        return f"Comment: {said}" if said and kind in _COMMENTS else said
    return ""


def _field(form: pypdfium2.PdfFormEnv, annotation: pdfium.FPDF_ANNOTATION) -> str:
    if pdfium.FPDFAnnot_GetFormFieldType(form, annotation) not in _FIELDS:
        return ""
    name = _string(lambda *to: pdfium.FPDFAnnot_GetFormFieldName(form, annotation, *to))
    value = _string(lambda *to: pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, *to))
    # An empty box that may be ticked is `Off`.
    return f"{name}: {value}" if value and value != "Off" else ""


@contextmanager
def _annotation(page: pypdfium2.PdfPage, index: int) -> Iterator[pdfium.FPDF_ANNOTATION]:
    annotation = pdfium.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        if annotation:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _string(read: Callable[..., int]) -> str:
    """What one of PDFium's functions writes into a buffer, on one line; asked first how much that is."""
    size = read(None, 0)
    buffer = ctypes.create_string_buffer(size)
    read(ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return " ".join(buffer.raw[:size].decode("utf-16-le", "ignore").rstrip("\x00").split())
