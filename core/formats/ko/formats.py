"""Korean: year, month, day, a full stop after each; hours up to 23."""

DATE_FORMAT = "Y. n. j."
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "Y. n. j. H:i"
MONTH_DAY_FORMAT = "n월 j일"
SHORT_DATETIME_FORMAT = "n월 j일 H:i"
YEAR_MONTH_FORMAT = "Y년 n월"
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
