"""The store contract on PostgreSQL, for any number of instances on any number of machines.

Each table of the store is one of the database. It has the documents verbatim, as ``json``,
and beside each what can be asked for, as ``jsonb``, with columns and indexes made of that
by the database. psycopg is imported here only: it comes with the extra ``postgresql``.
"""
