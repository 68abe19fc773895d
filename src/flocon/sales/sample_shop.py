"""The made-up shops: who buys what, where and when. Prices are in cents, days are counted from 1970-01-01."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property

import numpy as np

from flocon.sales.sample_draws import SIZE, Draws, Ints, lognormal_weights, weighted

# Countries and their weights: French shops, whose neighbours buy too.
COUNTRIES = {
    "France": 620, "Belgique": 95, "Suisse": 60, "Luxembourg": 25, "Allemagne": 45, "Espagne": 30, "Italie": 30,
    "Pays-Bas": 20, "Royaume-Uni": 25, "Portugal": 12, "Canada": 22, "États-Unis": 10, "Maroc": 4, "Côte d'Ivoire": 2,
}  # fmt: skip

# Product: (weight, lowest and highest price in euros).
PRODUCTS = {
    "Chargeur rapide": (90, 9, 45), "Coque de téléphone": (95, 7, 39), "Câble USB": (80, 4, 25),
    "Souris sans fil": (70, 12, 99), "Clavier mécanique": (45, 49, 189), "Casque audio": (60, 29, 379),
    "Enceinte Bluetooth": (50, 24, 299), "Écran 27 pouces": (30, 139, 649), "Ordinateur portable": (22, 399, 2499),
    "Tablette tactile": (28, 129, 1199), "Smartphone": (40, 149, 1459), "Montre connectée": (35, 59, 849),
    "Imprimante multifonction": (18, 59, 349), "Disque dur externe": (32, 49, 229), "Clé USB": (55, 6, 59),
    "Appareil photo": (10, 299, 2899), "Objectif 50 mm": (6, 119, 1899), "Console de jeux": (20, 199, 599),
    "Jeu vidéo": (65, 14, 79), "Télévision 4K": (12, 299, 2199), "Barre de son": (14, 89, 899),
    "Machine à café": (26, 59, 749), "Bouilloire": (30, 19, 129), "Aspirateur-balai": (16, 99, 699),
    "Grille-pain": (24, 19, 149), "Robot pâtissier": (9, 149, 799),
}  # fmt: skip

FIRST_NAMES = (
    "Léa", "Hugo", "Chloé", "Lucas", "Manon", "Louis", "Camille", "Jules", "Inès", "Gabriel", "Sarah", "Arthur", "Zoé",
    "Nathan", "Jade", "Paul", "Anaïs", "Théo", "Élodie", "Maxime", "Julie", "Antoine", "Marie", "Nicolas", "Sophie",
    "Pierre", "Aurélie", "Julien", "Claire", "Mathieu", "Nadia", "Karim", "Fatou", "Yann", "Noémie", "Jean-Marc",
    "François", "Hélène", "Benoît", "Agnès",
)  # fmt: skip
LAST_NAMES = (
    "Martin", "Bernard", "Dubois", "Thomas", "Robert", "Richard", "Petit", "Durand", "Leroy", "Moreau", "Simon",
    "Laurent", "Lefèvre", "Michel", "Garcia", "David", "Bertrand", "Roux", "Vincent", "Fournier", "Morel", "Girard",
    "André", "Lefebvre", "Mercier", "Dupont", "Lambert", "Bonnet", "François", "Martinez", "Legrand", "Garnier",
    "Faure", "Rousseau", "Blanc", "Guérin", "Müller", "Henry", "Roussel", "Nicolas", "Perrin", "Morin", "Mathieu",
    "Clément", "Gauthier", "Dumont", "Lopez", "Fontaine", "Chevalier", "Robin", "Masson", "Sanchez", "Gérard", "Nguyen",
    "Boyer", "Denis", "Lemaire", "Duval", "Joly", "Le Goff", "D'Almeida", "Diallo", "N'Diaye", "Benali",
)  # fmt: skip
# Reserved for examples: nobody can be written to.
MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com")

# Sales by month, January to December: sales in January and July, holidays in August, Christmas.
_MONTHS = (105, 82, 88, 90, 94, 98, 108, 72, 95, 99, 128, 168)
# Monday to Sunday.
_WEEKDAYS = (88, 90, 97, 95, 112, 138, 80)
_GROWTH_A_YEAR = 0.08
_SALES_YEARS, _CLIENT_YEARS = 3, 6
_STRATA = 4096
# The share of clients who registered and never bought.
_NEVER_BUY = 0.07
# Tills send their day when they can: two days early or late, in 65,536ths of all purchases.
_OUT_OF_ORDER = 256
_SCRAMBLE = 2_654_435_761  # a prime larger than any number of clients

COUNTRY = weighted(dict(enumerate(COUNTRIES.values())))
PRODUCT = weighted({number: weight for number, (weight, _, _) in enumerate(PRODUCTS.values())})
LOWEST = np.array([low * 100 for _, low, _ in PRODUCTS.values()], np.int64)
HIGHEST = np.array([high * 100 for _, _, high in PRODUCTS.values()], np.int64)
ENDING = weighted({99: 46, 90: 20, 0: 16, 50: 9, 95: 9})
QUANTITY = weighted({1: 88, 2: 9, 3: 3})


@dataclass(frozen=True)
class Shop:
    """All that the two generated files depend on."""

    clients: int
    purchases: int
    seed: int
    as_of: date

    @cached_property
    def today(self) -> int:
        """The as-of date."""
        return (self.as_of - date(1970, 1, 1)).days

    def sold_on(self, number: Ints, draws: Draws) -> Ints:
        """The day of each purchase, numbered from 0: they are nearly in order of time."""
        place = number * SIZE // self.purchases + draws.below(_OUT_OF_ORDER) - _OUT_OF_ORDER // 2
        day: Ints = self._days[np.clip(place, 0, SIZE - 1)]
        return day

    @cached_property
    def _days(self) -> Ints:
        """For each 65,536th of the purchases, in order of time: the day it falls on."""
        first = self.as_of - timedelta(365 * _SALES_YEARS - 1)
        weights = {}
        for number in range(365 * _SALES_YEARS):
            day = first + timedelta(number)
            growth = 1 + _GROWTH_A_YEAR * number / 365
            weights[(day - date(1970, 1, 1)).days] = (
                _MONTHS[day.month - 1] * _WEEKDAYS[day.weekday()] * growth
            )
        return weighted(weights)

    def registered_on(self, client: Ints) -> Ints:
        """The day on which each client, numbered from 0, registered: numbers are given in order of time."""
        span = 365 * _CLIENT_YEARS
        return self.today - span + 1 + client * span // self.clients

    def registered_by(self, day: Ints) -> Ints:
        """How many clients had registered by each day; at least one."""
        span = 365 * _CLIENT_YEARS
        return np.clip((day - (self.today - span)) * self.clients // span, 1, self.clients)

    def buyer(self, stratum: Ints, place: Ints, day: Ints) -> Ints:
        """The client who buys, numbered from 0: one of a stratum of equally busy ones, or an older one in his stead.

        `place` is one of 2^31 places in the stratum.
        """
        rank = (stratum * self.clients + (place * self.clients >> 31)) // _STRATA
        client = rank * _SCRAMBLE % self.clients
        known = self.registered_by(day)
        return np.where(client < known, client, client % known)


@cache
def strata() -> Ints:
    """How often clients of each of 4,096 equally large strata buy: a few very often, some never."""
    weights = lognormal_weights(_STRATA, sigma=1.15)
    return weighted({stratum: 0.0 if stratum < _NEVER_BUY * _STRATA else w for stratum, w in weights.items()})


def skewed(place: Ints) -> Ints:
    """An even number from 0 to 65,535 as one of which most are small: its square, on the same scale."""
    return place * place // SIZE
