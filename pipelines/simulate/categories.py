"""The 24 categories of the made-up shop: what stands in the shelves and what goes with what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """One category.

    Attributes:
        path: From the widest to the narrowest, as in `product_type`.
        code: Start of its products' ids.
        noun: What one product is called in a title.
        base_price: Price in the middle of the category, in euros.
        color: Main color of its pictures, as hue in degrees, saturation and lightness 0..1.
        complement: `code` of the category that its products go with.
        materials: What its products are made of.
        text: A sentence that fits every product of the category.
    """

    path: tuple[str, ...]
    code: str
    noun: str
    base_price: float
    color: tuple[float, float, float]
    complement: str
    materials: tuple[str, ...]
    text: str


_SEATING = ("Furniture", "Seating")
_TABLES = ("Furniture", "Tables")
_STORAGE = ("Furniture", "Storage")
_TABLEWARE = ("Kitchen", "Tableware")
_COOKWARE = ("Kitchen", "Cookware")
_WOOD = ("oak", "walnut", "ash")
_FABRIC = ("linen", "wool", "velvet")
_CERAMIC = ("stoneware", "porcelain", "earthenware")
_METAL = ("steel", "brass", "aluminum")

CATEGORIES = (
    Category((*_SEATING, "Dining chairs"), "CHAIR", "dining chair", 120, (14, 0.62, 0.55), "TABLE",
             _WOOD, "A chair for long evenings at the table, with a seat that stays comfortable."),
    Category((*_SEATING, "Armchairs"), "ARMCH", "armchair", 390, (172, 0.34, 0.42), "FLAMP",
             _FABRIC, "A deep seat to read in, with a back that holds the head."),
    Category((*_SEATING, "Sofas"), "SOFA", "sofa", 890, (212, 0.38, 0.50), "CUSH",
             _FABRIC, "Room for three, removable covers and feet that let the vacuum through."),
    Category((*_TABLES, "Dining tables"), "TABLE", "dining table", 540, (30, 0.55, 0.52), "PEND",
             _WOOD, "A table for six that takes ten when it has to."),
    Category((*_TABLES, "Coffee tables"), "COFFEE", "coffee table", 190, (24, 0.38, 0.38), "RUG",
             _WOOD, "Low, steady and just the size for two cups and a stack of magazines."),
    Category((*_TABLES, "Desks"), "DESK", "desk", 330, (40, 0.60, 0.60), "TLAMP",
             _WOOD, "A work surface with a drawer for what should be out of sight."),
    Category((*_STORAGE, "Bookcases"), "BOOKC", "bookcase", 260, (200, 0.22, 0.38), "ARMCH",
             _WOOD, "Shelves that carry heavy books without bending."),
    Category((*_STORAGE, "Sideboards"), "SIDEB", "sideboard", 480, (156, 0.24, 0.46), "MIRR",
             _WOOD, "Doors and drawers for plates, papers and everything else."),
    Category(("Furniture", "Beds"), "BED", "bed", 720, (232, 0.32, 0.58), "TLAMP",
             _WOOD, "A quiet frame for a good night, with a headboard to lean on."),
    Category(("Lighting", "Table lamps"), "TLAMP", "table lamp", 75, (44, 0.82, 0.62), "CLOCK",
             _METAL, "A warm circle of light for the bedside or the desk."),
    Category(("Lighting", "Floor lamps"), "FLAMP", "floor lamp", 160, (350, 0.48, 0.62), "RUG",
             _METAL, "Light exactly where the chair stands, with a dimmer in the cord."),
    Category(("Lighting", "Pendant lamps"), "PEND", "pendant lamp", 140, (186, 0.46, 0.40), "VASE",
             _METAL, "Hangs low over the table and does not dazzle."),
    Category((*_TABLEWARE, "Mugs"), "MUG", "mug", 14, (6, 0.66, 0.60), "KETTLE",
             _CERAMIC, "Holds a big coffee, feels good in the hand, fits the dishwasher."),
    Category((*_TABLEWARE, "Plates"), "PLATE", "plate", 18, (208, 0.52, 0.62), "GLASS",
             _CERAMIC, "A generous rim, easy to stack, safe in the oven up to 180 degrees."),
    Category((*_TABLEWARE, "Wine glasses"), "GLASS", "wine glass", 16, (338, 0.58, 0.42), "PLATE",
             ("crystal", "glass"), "Thin at the lip, steady at the foot."),
    Category((*_COOKWARE, "Saucepans"), "PAN", "saucepan", 65, (18, 0.76, 0.50), "MUG",
             ("cast iron", "steel", "copper"), "Heats evenly and pours without a drop."),
    Category((*_COOKWARE, "Kettles"), "KETTLE", "kettle", 55, (164, 0.40, 0.55), "MUG",
             ("steel", "enamel"), "Boils a liter in four minutes and says so with a whistle."),
    Category(("Textiles", "Cushions"), "CUSH", "cushion", 35, (28, 0.80, 0.62), "SOFA",
             _FABRIC, "Soft filling, hidden zip, washable cover."),
    Category(("Textiles", "Rugs"), "RUG", "rug", 230, (2, 0.50, 0.46), "COFFEE",
             ("wool", "jute", "cotton"), "Woven flat, warm under bare feet, does not slip."),
    Category(("Decoration", "Vases"), "VASE", "vase", 42, (260, 0.30, 0.60), "CANDLE",
             _CERAMIC, "For a whole bunch or for one stem."),
    Category(("Decoration", "Mirrors"), "MIRR", "mirror", 130, (46, 0.54, 0.50), "SIDEB",
             _METAL, "Makes the hall brighter and the room larger."),
    Category(("Decoration", "Clocks"), "CLOCK", "wall clock", 60, (220, 0.30, 0.32), "BOOKC",
             _METAL, "A silent movement behind a face that reads from across the room."),
    Category(("Decoration", "Candles"), "CANDLE", "candle set", 22, (36, 0.52, 0.78), "VASE",
             ("beeswax", "soy wax"), "Burns for forty hours with a calm flame."),
    Category(("Plants", "Potted plants"), "PLANT", "potted plant", 32, (128, 0.36, 0.42), "CUSH",
             ("terracotta", "stoneware"), "Green all year, content with little light and water."),
)  # fmt: skip

INDEX_OF_CODE = {category.code: index for index, category in enumerate(CATEGORIES)}

LEVEL_FACTORS = (0.55, 0.95, 1.6, 2.8)
"""Price levels of every category, as factors on its base price."""

N_TASTES = 4


@dataclass(frozen=True)
class Brand:
    """A brand has a taste (visitors keep to theirs) and sells in two of the price levels.

    Attributes:
        name: As in the feed.
        taste: 0..`N_TASTES` - 1.
        levels: Price levels it sells in.
        accent: Color of wood or metal in its pictures.
        shift: Change of hue in degrees, of saturation and of lightness in its pictures.
    """

    name: str
    taste: int
    levels: tuple[int, int]
    accent: str
    shift: tuple[float, float, float]


BRANDS = (
    Brand("Fernholm", 0, (0, 1), "#d9b27c", (0, 0.00, 0.05)),
    Brand("Solvika", 0, (2, 3), "#b98a54", (-6, -0.06, 0.00)),
    Brand("Tallwick", 1, (0, 1), "#4a4d55", (2, 0.05, -0.03)),
    Brand("Iron Quay", 1, (2, 3), "#2f3137", (3, -0.10, -0.08)),
    Brand("Marrowood", 2, (0, 1), "#8a5a38", (-9, 0.03, -0.04)),
    Brand("Casa Bruma", 2, (2, 3), "#6b4228", (-4, -0.12, 0.04)),
    Brand("Lumora", 3, (0, 1), "#d2ad58", (5, 0.08, 0.06)),
    Brand("Belle Quince", 3, (2, 3), "#c08f3a", (3, 0.10, 0.02)),
)
