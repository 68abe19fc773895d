"""French words of the reports: months, and what the codes of silver and gold mean to the merchant."""

from datetime import date

MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)

# Why a row found no counterpart: gold.ecarts_vin.
GAPS = {
    "erp_sans_lien": "Produit de l'ERP sans référence web dans le fichier de liaison",
    "erp_sans_web": "Produit de l'ERP lié à une référence que la boutique en ligne n'a pas",
    "web_sans_lien": "Produit de la boutique en ligne absent du fichier de liaison",
    "web_sans_erp": "Produit de la boutique en ligne lié à un numéro que l'ERP n'a pas",
    "lien_sans_erp": "Lien vers un numéro que l'ERP n'a pas",
    "lien_sans_web": "Lien vers une référence que la boutique en ligne n'a pas",
}

# Why a row was set aside: the reasons of the silver tables.
REASONS = {
    "missing_id": "Numéro de produit manquant",
    "bad_id": "Numéro de produit illisible",
    "duplicate_id": "Numéro de produit en double",
    "bad_price": "Prix manquant ou illisible",
    "bad_quantity": "Quantité manquante ou illisible",
    "missing_sku": "Référence web manquante",
    "not_a_product": "Pas un produit : le plus souvent, la pièce jointe avec sa photo",
    "duplicate_sku": "Référence web en double",
    "missing_id_web": "Référence web manquante dans le fichier de liaison",
    "duplicate_id_web": "Référence web en double dans le fichier de liaison",
}


def month_in_words(month: date) -> str:
    """The month as people write it, as in mai 2024."""
    return f"{MONTHS[month.month - 1]} {month.year}"
