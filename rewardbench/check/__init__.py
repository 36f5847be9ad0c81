"""Does a thing keep its promises? One file a kind of thing; nothing is trained.

Each gives a report of plain values: `promises`, each `kept`, broken or not told, with a sentence.
"""
