"""The same gold tables by pandas: python -m benchmarks.gold_pandas <folder of silver> <folder for gold>.

Written as one would for speed: amounts are floats, which are faster than the exact ones that Flocon computes with.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.child import tell

Frame = pd.DataFrame


def read(folder: Path) -> tuple[Frame, Frame]:
    """Clients and purchases."""
    clients = pq.read_table(folder / "clients.parquet").to_pandas()
    table = pq.read_table(folder / "achats.parquet")
    column = table.column_names.index("montant")
    table = table.set_column(column, "montant", pc.cast(table["montant"], pa.float64()))
    purchases = table.to_pandas()
    for frame, name in ((clients, "date_inscription"), (purchases, "date_achat")):
        frame[name] = pd.to_datetime(frame[name])
    return clients, purchases


def segment(total: pd.Series) -> np.ndarray:
    """Platinum, Gold, Silver or Bronze by total."""
    return np.select([total >= 5000, total >= 2000, total >= 500], ["Platinum", "Gold", "Silver"], "Bronze")


def dimensions(clients: Frame, purchases: Frame) -> dict[str, Frame]:
    """dim_clients, dim_produits, dim_temps."""
    by_client = purchases.groupby("id_client").agg(
        nb_achats=("id_achat", "size"),
        total_ca=("montant", "sum"),
        premiere_commande=("date_achat", "min"),
        derniere_commande=("date_achat", "max"),
    )
    dim_clients = clients.merge(by_client, on="id_client", how="left").sort_values("id_client")
    dim_clients[["nb_achats", "total_ca"]] = dim_clients[["nb_achats", "total_ca"]].fillna(0)
    dim_clients["segment"] = segment(dim_clients["total_ca"])
    by_product = purchases.groupby("produit")["montant"]
    dim_produits = by_product.agg(["size", "sum", "mean", "min", "max"]).reset_index()
    dim_produits.insert(0, "id_produit", pd.util.hash_pandas_object(dim_produits["produit"], index=False))
    days = pd.date_range(purchases["date_achat"].min(), purchases["date_achat"].max())
    calendar = days.isocalendar().reset_index(drop=True)
    dim_temps = pd.DataFrame(
        {"date": days, "mois": days.month, "annee": days.year, "semaine": calendar["week"]}
    )
    dim_temps["jour_semaine"] = days.day_of_week
    return {"dim_clients": dim_clients, "dim_produits": dim_produits, "dim_temps": dim_temps}


def facts(purchases: Frame, dims: dict[str, Frame]) -> Frame:
    """fact_ventes."""
    products = dims["dim_produits"][["produit", "id_produit"]]
    segments = dims["dim_clients"][["id_client", "segment", "pays"]].rename(
        columns={"segment": "segment_client"}
    )
    fact = purchases.merge(products, on="produit").merge(segments, on="id_client")
    fact["date"] = fact["date_achat"]
    fact["mois"] = fact["date_achat"].dt.strftime("%Y-%m")
    fact["annee"] = fact["date_achat"].dt.year
    return fact.sort_values("id_achat")


def summed(fact: Frame, by: list[str]) -> Frame:
    """Turnover, transactions, average basket and clients by some columns."""
    found = fact.groupby(by).agg(
        ca_total=("montant", "sum"), nb_transactions=("montant", "size"), nb_clients=("id_client", "nunique")
    )
    found["panier_moyen"] = (found["ca_total"] / found["nb_transactions"]).round(2)
    return found.reset_index()


def indicators(fact: Frame, dim_clients: Frame) -> dict[str, Frame]:
    """The kpi_ and agg_ tables."""
    by_month = summed(fact, ["mois"])
    by_month["taux_croissance"] = (by_month["ca_total"].pct_change() * 100).round(2)
    by_country = summed(fact, ["pays"]).sort_values("ca_total", ascending=False)
    by_country["part_ca"] = (by_country["ca_total"] / by_country["ca_total"].sum() * 100).round(2)
    by_product = summed(fact, ["produit"]).sort_values("nb_transactions", ascending=False)
    by_product["rang"] = range(1, len(by_product) + 1)
    week = fact["date_achat"].dt.isocalendar()
    by_week = summed(fact.assign(annee=week["year"], semaine=week["week"]), ["annee", "semaine"])
    return {
        "kpi_ca_par_jour": summed(fact, ["date"]),
        "kpi_ca_par_mois": by_month,
        "kpi_ca_par_pays": by_country,
        "kpi_volume_par_produit": by_product,
        "kpi_top_clients": dim_clients.nlargest(100, "total_ca"),
        "kpi_stats_distribution": fact.groupby("produit")["montant"].describe().reset_index(),
        "agg_semaine": by_week,
        "kpis": pd.DataFrame([{"ca_total": fact["montant"].sum(), "nb_transactions": len(fact)}]),
    }


def build(silver: Path, gold: Path) -> None:
    """Read silver, make all tables, write them."""
    clients, purchases = read(silver)
    tables = dimensions(clients, purchases)
    fact = facts(purchases, tables)
    tables |= indicators(fact, tables["dim_clients"])
    tables["fact_ventes"] = fact.drop(columns="pays")
    for name, table in tables.items():
        table.to_parquet(gold / f"{name}.parquet", compression="zstd", index=False)


if __name__ == "__main__":
    tell(lambda: build(Path(sys.argv[1]), Path(sys.argv[2])))
