"""UserSplit in web frameworks, task queues and OpenFeature. Each module needs its own framework and nothing else;
nothing in the SDK needs them.

``django`` · ``flask`` · ``wsgi`` · ``asgi`` · ``starlette`` (FastAPI too) · ``celery`` · ``openfeature``
"""
