"""Some countries by their ISO 3166-1 numbers, as the country filter has them."""

from __future__ import annotations

GERMANY, FRANCE, ITALY, SPAIN, POLAND = 276, 250, 380, 724, 616
UNITED_STATES, CANADA, UNITED_KINGDOM, BRAZIL, INDIA = 840, 124, 826, 76, 356
