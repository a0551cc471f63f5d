"""Small real files of the formats that no writer here makes: PDF, WARC, pages."""

import io

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

PARAGRAPH = (
    "The mill stood by the river for two hundred years, and every farmer of the valley brought his grain to it. "
    "When the railway came, the grain went elsewhere, and the great wheel turned more and more rarely. "
)


def page(title: str, text: str, *, charset: str = "utf-8") -> bytes:
    """A page with navigation and scripts around its text."""
    scripts = "<script>document.write('SCRIPTED ' + 1 < 2)</script><style>p { color: STYLED }</style>" * 20
    html = (
        f"<!DOCTYPE html><html><head><meta charset='{charset}'><title>{title}</title>{scripts}</head><body>"
        f"<nav><a href='/'>Home</a><a href='/b'>NAVIGATION</a></nav>{scripts}<article><h1>{title}</h1>"
        f"<p onclick='CLICKED()'>{text}</p><p>{PARAGRAPH}</p></article>{scripts}<footer>FOOTER</footer></body></html>"
    )
    return html.encode(charset)


def pdf(*pages: str, title: str = "The mill") -> bytes:
    """A PDF with a text layer: one line on each page, plain ASCII without brackets."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, text in enumerate(pages):
        content = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * i} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    objects.append(f"<< /Title ({title}) >>")
    return _assembled(objects)


def _assembled(objects: list[str]) -> bytes:
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size, start = len(objects) + 1, len(out)
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R /Info {len(objects)} 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return out + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode()


def warc(*records: tuple[str, str, str, bytes], gzip: bool) -> bytes:
    """A WARC of responses: address, status, content type, content."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=gzip)
    writer.write_record(writer.create_warcinfo_record("w.warc", {"software": "test"}))
    for address, status, kind, content in records:
        headers = StatusAndHeaders(status, [("Content-Type", kind)], protocol="HTTP/1.0")
        writer.write_record(
            writer.create_warc_record(address, "response", payload=io.BytesIO(content), http_headers=headers)
        )
    return out.getvalue()
