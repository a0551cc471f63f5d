"""Recipes: what the model is asked, step by step, and what makes an answer valid."""
