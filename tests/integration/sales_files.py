"""Small shop files, good and bad."""

from dataclasses import dataclass

CLIENTS = (
    "id_client,nom,email,date_inscription,pays\n"
    "1,Léa Martin,lea@example.com,2024-01-31,France\n"
    "2,Hugo Petit,hugo@example.com,31/01/2024,  BELGIQUE \n"
    "x,,nobody,,\n"
)
ACHATS = (
    "id_achat,id_client,date_achat,montant,produit\n"
    '10,1,2024-02-01,"12,50",Clé USB\n'
    "11,2,2024-02-02,-3.00,Bouilloire\n"
)
CLIENT_HEADER, *_ = CLIENTS.splitlines()
ACHAT_HEADER, *_ = ACHATS.splitlines()
TWO_CLIENTS = "1,Léa,lea@example.com,2024-01-31,France\n2,Hugo,hugo@example.com,2024-01-31,France\n"


def _swapped(row: str) -> str:
    first, second, *others = row.split(",")
    return ",".join([second, first, *others])


# The purchases above, written in other ways.
FORMS: dict[str, str | bytes] = {
    "byte order mark": "\ufeff" + ACHATS,
    "semicolons": ACHATS.replace(",", ";").replace("12;50", "12,50"),
    "tabs": ACHATS.replace(",", "\t").replace("12\t50", "12,50"),
    "bars": ACHATS.replace(",", "|").replace("12|50", "12,50"),
    "Windows": ACHATS.replace("\n", "\r\n"),
    "line ends of two kinds": ACHATS.replace("\n", "\r\n", 2),
    "no line end at the end": ACHATS.rstrip(),
    "blank lines": ACHATS.replace("\n11", "\n\n11") + "\n\n",
    "header in another case": ACHATS.replace("id_achat,id_client", " ID_ACHAT , Id_Client"),
    "quoted header": ACHATS.replace("id_achat,id_client", '"id_achat","id_client"'),
    "columns in another order": "\n".join(_swapped(row) for row in ACHATS.splitlines()),
}


@dataclass(frozen=True)
class Bad:
    """A file that is refused: the rule, and what its reason says, at least, of what was expected and found."""

    content: str | bytes
    rule: str
    expected: str
    found: str
    name: str = "clients.csv"

    @property
    def bytes(self) -> bytes:
        return self.content.encode() if isinstance(self.content, str) else self.content


_SOMETHING = "a header and at least one row"
_NAMES = "the names of the columns on the first line: id_client, nom, email, date_inscription, pays"
_QUOTES = "every quote that opens a field to be closed at its end"
_ONCE = "every column once"

BAD = {
    "empty": Bad(b"", "empty_file", _SOMETHING, "0 bytes"),
    "blank": Bad("\ufeff \n\n", "empty_file", _SOMETHING, "6 bytes, all of them blank"),
    "latin-1": Bad(CLIENTS.encode("latin-1"), "not_utf8", "text in UTF-8", "the byte 0xe9 on line 2"),
    "utf-16": Bad(CLIENTS.encode("utf-16"), "not_utf8", "text in UTF-8", "UTF-16, by its byte order mark"),
    "cut off": Bad(
        f"{CLIENT_HEADER}\n{TWO_CLIENTS}".encode() + "é".encode()[:1],
        "not_utf8",
        "text in UTF-8",
        "half a character at the end of line 4",
    ),
    "xlsx": Bad(b"PK\x03\x04\x14\x00\x06\x00", "not_text", "text", "a ZIP archive, as .xlsx files are"),
    "zero byte": Bad(f"{CLIENT_HEADER}\n{TWO_CLIENTS}\0", "not_text", "text", "a zero byte on line 4"),
    "no header": Bad(
        TWO_CLIENTS, "no_header", _NAMES, "none of them in «1,Léa,lea@example.com,2024-01-31,France»"
    ),
    "first line blank": Bad(f"\n{CLIENTS}", "no_header", _NAMES, "none of them in «»"),
    "missing columns": Bad(
        "id_client,nom,Pays\n1,Léa,France\n",
        "missing_column",
        "the columns id_client, nom, email, date_inscription, pays",
        "no email, date_inscription; the columns id_client, nom, pays",
    ),
    "repeated column": Bad(
        f"{CLIENT_HEADER}, NOM\n1,L,l@e.fr,2024-01-31,F,L\n", "repeated_column", _ONCE, "nom more"
    ),
    "repeated by its alias": Bad(
        f"{CLIENT_HEADER},courriel\n1,L,l@e.fr,2024-01-31,F,x\n",
        "repeated_column",
        _ONCE,
        "email more than once",
    ),
    "repeated other column": Bad(
        f"{CLIENT_HEADER},Note,note\n1,L,l@e.fr,2024-01-31,F,x,y\n",
        "repeated_column",
        _ONCE,
        "note more than once",
    ),
    "unnamed column": Bad(
        f"{CLIENT_HEADER},\n1,L,l@e.fr,2024-01-31,F,\n",
        "unnamed_column",
        "a name for every column",
        "none for column 6",
    ),
    "reserved column": Bad(
        f"{CLIENT_HEADER},_line\n1,L,l@e.fr,2024-01-31,F,4\n",
        "reserved_column",
        "no column named _file, _line, reason",
        "_line",
    ),
    "only a header": Bad(
        f"{CLIENT_HEADER}\n\n", "no_rows", "at least one row after the header", "only the header"
    ),
    "a field too few": Bad(
        f"{CLIENT_HEADER}\n{TWO_CLIENTS}3,Zoé,zoe@example.com,2024-01-31\n",
        "field_count",
        "5 fields in every row",
        "4 on line 4: «3,Zoé,zoe@example.com,2024-01-31»",
    ),
    "a field too many": Bad(
        f"{CLIENT_HEADER}\n{TWO_CLIENTS}3,Zoé,zoe@example.com,2024-01-31,France,\n",
        "field_count",
        "5 fields in every row",
        "6 on line 4: «3,Zoé,zoe@example.com,2024-01-31,France,»",
    ),
    "a comma that is not quoted": Bad(
        ACHATS.replace('"12,50"', "12,50"),
        "field_count",
        "5 fields in every row",
        "6 on line 2: «10,1,2024-02-01,12,50,Clé USB»",
        name="achats.csv",
    ),
    "unclosed quote": Bad(
        f'{CLIENT_HEADER}\n{TWO_CLIENTS}3,"Zoé,zoe@example.com,2024-01-31,France\n{TWO_CLIENTS}',
        "unclosed_quote",
        _QUOTES,
        "the row that begins on line 4: unexpected end of data",
    ),
    "quote closed too early": Bad(
        f'{CLIENT_HEADER}\n{TWO_CLIENTS}3,"Zoé" B,zoe@example.com,2024-01-31,France\n',
        "unclosed_quote",
        _QUOTES,
        "the row that begins on line 4",
    ),
    "unclosed quote in a large file": Bad(
        f'{CLIENT_HEADER}\n1,"Léa,lea@example.com,2024-01-31,France\n' + TWO_CLIENTS * 4_000,
        "unclosed_quote",
        _QUOTES,
        "the row that begins on line 2: field larger than field limit",
    ),
    "columns in each other's place": Bad(
        f"{ACHAT_HEADER}\n1,2024-01-01,7,Bouilloire,9.99\n2,2024-01-02,,,9\n",
        "wrong_type",
        "at least 50% of the filled values to be bigint in id_client, date in date_achat, numeric(12,2) in montant",
        "0 of 2 in id_client, 0 of 1 in date_achat, 0 of 1 in montant",
        name="achats.csv",
    ),
    "dates with the month first": Bad(
        f"{ACHAT_HEADER}\n" + "".join(f"{n},1,01/{n:02}/2024,1,x\n" for n in range(9, 31)),
        "wrong_type",
        "date in date_achat",
        "4 of 22 in date_achat",
        name="achats.csv",
    ),
    "unknown name": Bad(
        ACHATS,
        "unknown_file",
        "a name like one of *achat*.csv (achats), *client*.csv (clients)",
        "ventes.csv, which is like none of them",
        name="ventes.csv",
    ),
    "name of two tables": Bad(
        ACHATS,
        "ambiguous_file",
        "a name like only one of *achat*.csv (achats), *client*.csv (clients)",
        "achats_clients.csv, which is like those of achats and clients",
        name="achats_clients.csv",
    ),
}
