"""Recipes: a YAML file of training settings each."""
