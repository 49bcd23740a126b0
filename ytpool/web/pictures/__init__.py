"""The pictures of `actions/pictures`, drawn as SVG: for a page, or each as a file of its own.

Only what is drawn stands here; how it looks, in light and dark and on paper, says `data/report/pictures.css`.
"""
