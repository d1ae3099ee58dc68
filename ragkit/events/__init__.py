"""What happens while an answer is made, as values, and the fold that makes the answer of them."""

from ragkit.events.fold import SoFar as SoFar
from ragkit.events.fold import fold as fold
from ragkit.events.telling import Telling as Telling
from ragkit.events.values import Begun as Begun
from ragkit.events.values import Done as Done
from ragkit.events.values import Emit as Emit
from ragkit.events.values import Event as Event
from ragkit.events.values import Part as Part
from ragkit.events.values import Retracted as Retracted
from ragkit.events.values import Shown as Shown
from ragkit.events.values import Spent as Spent
from ragkit.events.values import Token as Token
from ragkit.events.values import Told as Told
