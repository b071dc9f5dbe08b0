"""The studio: paint a label map in a browser, watch the photograph appear. Here is its server; the page is `static/`.

One model, many clients: `turns` shares it out, `shared_model` computes, `live` speaks with those who paint, `server`
has the addresses, `guard` and `admission` keep out who does not belong here.
"""
