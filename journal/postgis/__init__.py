"""
Django's PostGIS backend, with a check of a kept connection that costs nothing.
"""
