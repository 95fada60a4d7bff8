"""What a query found, for people to look at and for other programs: a page, tables, cut lists, clips."""
