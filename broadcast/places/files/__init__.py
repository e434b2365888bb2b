"""Files of areas as they are published (GeoJSON, TopoJSON, CSV with WKT, look-up tables): read,
checked, every fault named. It writes no table.
"""
