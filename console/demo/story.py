"""The messages of the demonstration, as their author writes them."""

from __future__ import annotations

from dataclasses import dataclass

from broadcast.drafts import Follows

LEVEL = """
kind: threat_level_change
status: Actual
scope: UK
level: SEVERE
source: Joint Terrorism Analysis Centre
languages:
  en:
    headline: The national threat level is now SEVERE
    description: The level was raised from SUBSTANTIAL. An attack is highly likely.
      There is no specific threat to London.
    instruction: Go about your day, stay alert, and report what troubles you.
  cy:
    headline: Mae lefel bygythiad y DU bellach yn SEVERE
    instruction: Byddwch yn wyliadwrus a rhowch wybod am unrhyw bryder.
  pl:
    headline: Poziom zagrozenia w kraju to teraz SEVERE
    instruction: Zachowaj czujnosc i zglaszaj wszystko, co niepokoi.
hotlines: [Anti-Terrorist Hotline 0800 789 321]
"""

APPEAL = """
kind: appeal
status: Actual
areas: [E09000033]
severity: Moderate
languages:
  en:
    headline: Witness appeal, Westminster
    description: Officers would like to hear from anybody who was in Strutton Ground
      between 17.30 and 18.15 on Tuesday.
    instruction: Call Crimestoppers on 0800 555 111, or reply to this message.
hotlines: [Crimestoppers 0800 555 111]
"""

INCIDENT = """
kind: incident
status: Actual
urgency: Immediate
severity: Severe
certainty: Observed
polygons:
  - 51.5280,-0.1720 51.5330,-0.1180 51.5200,-0.0700 51.4860,-0.0760
    51.4780,-0.1200 51.4900,-0.1700 51.5280,-0.1720
expires: 4h
source: Metropolitan Police control room
languages:
  en:
    headline: Suspicious vehicle, Strand and South Bank
    description: Police are dealing with a suspicious vehicle near Waterloo Bridge.
      Roads are closed.
    instruction: Keep away from the Strand. Stay indoors and away from windows.
      More within the hour.
  fr:
    headline: Vehicule suspect, Strand et South Bank
    instruction: Evitez le Strand. Restez a l'interieur, loin des fenetres.
"""

UPDATE = """
status: Actual
urgency: Immediate
severity: Severe
certainty: Observed
polygons:
  - 51.5280,-0.1720 51.5330,-0.1180 51.5200,-0.0700 51.4860,-0.0760
    51.4780,-0.1200 51.4900,-0.1700 51.5280,-0.1720
expires: 4h
languages:
  en:
    headline: Strand vehicle made safe
    description: The vehicle was made safe. The cordon on the south side of the river is lifted.
    instruction: Keep away from the Strand until further notice. Waterloo station is open.
"""

CORRECTION = """
status: Actual
urgency: Immediate
severity: Severe
certainty: Observed
polygons:
  - 51.5280,-0.1720 51.5330,-0.1180 51.5200,-0.0700 51.4860,-0.0760
    51.4780,-0.1200 51.4900,-0.1700 51.5280,-0.1720
expires: 4h
note: The last message said that Waterloo station was open. It was not.
languages:
  en:
    headline: Waterloo station is still closed
    description: Our last message said that Waterloo station was open. That was wrong.
    instruction: Use Blackfriars or London Bridge. Keep away from the Strand.
"""

EXERCISE = """
kind: incident
status: Exercise
urgency: Immediate
severity: Severe
areas: [E12000007]
expires: 2h
languages:
  en:
    headline: Red Action Day
    description: This message rehearses the warning of businesses in a major incident.
    instruction: Do nothing. Reply only if your plan asks you to.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One message of the demonstration: what it is called on its row, what is written, and what it
    follows.
    """

    title: str
    text: str
    action: Follows | None = None


STEPS = (
    Step("SUBSTANTIAL → SEVERE, UK", LEVEL),
    Step("Appeal, Westminster", APPEAL),
    Step("Incident, drawn polygon", INCIDENT),
    Step("  its update", UPDATE, "update"),
    Step("  its correction", CORRECTION, "correct"),
    Step("EXERCISE Red Action Day", EXERCISE),
)
