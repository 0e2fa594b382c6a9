"""A status as Markdown, and protection against injected Markdown."""

from __future__ import annotations

from hypothesis import example as case
from hypothesis import given
from markdown_it import MarkdownIt

from envsync.render.status_markdown import status_markdown
from tests.render.hostile import NASTY, texts
from tests.render.statuses import example, hostile

EXPECTED = """\
### envsync · status · `models/`

**5 environments in 3 targets**: 1 drifted, 1 foreign, 2 pending, \
1 missing, 2 archived, 1 undeclared, 3 in-sync, 4 superseded, 1 rejected.

| environment | version | `dev` | `staging` | `shared-europe` |
| --- | --- | --- | --- | --- |
| `pydata` | `3` | **pending** (rejected) | missing | unreachable |
| `torch` | `2024-01-01` | drifted | foreign | unreachable |
| `auto` | `auto` | in-sync `4` | pending `3→4` | unreachable |
| `gone` | `1` | archived | undeclared | unreachable |
| `base` | `1` | in-sync | in-sync | unreachable |
| `auto` | `2 more` | 2 superseded | 1 superseded | unreachable |
| `base` | `0` | superseded |  | unreachable |

- `shared-europe` is unreachable: There is no registry.

<details><summary>Reasons</summary>

- `dev` `n:3` pending: `pydata:3` is already registered with a different image.
- `dev` `n:2024-01-01` drifted: `tags.owner` changed
- `staging` `n:4` pending: new version after 3

</details>
"""


def test_the_markdown_is_one_table_with_every_row_of_the_status() -> None:
    assert status_markdown(example(), directory="models") == EXPECTED


@given(texts)
@case("".join(NASTY))
def test_hostile_text_stays_in_its_cell(text: str) -> None:
    tokens = MarkdownIt("gfm-like").parse(status_markdown(hostile(text)))
    kinds = [token.type for token in tokens]
    assert (kinds.count("tr_open"), kinds.count("td_open")) == (3, 8)
    inline = [child.type for token in tokens for child in token.children or ()]
    assert not {"link_open", "image", "html_inline"} & set(inline)
